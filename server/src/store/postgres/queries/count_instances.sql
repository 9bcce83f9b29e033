SELECT definition, version, status, count(*) FROM baton.process_instance
GROUP BY definition, version, status ORDER BY definition, version, status
