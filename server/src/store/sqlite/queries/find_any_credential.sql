-- A link that was never used lets nobody in once it has been lost, so it does not count.
SELECT EXISTS (SELECT 1 FROM credential
    WHERE kind <> 'sign_in_link' AND (expires_at IS NULL OR expires_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))
