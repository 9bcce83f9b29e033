-- One node at a time changes leases (this renews itself at every ttl / 3, so nobody waits long).
SELECT pg_advisory_xact_lock(x'6261746f6e'::bigint)
