SELECT definition, version, status, count(*) FROM process_instance
GROUP BY definition, version, status ORDER BY definition, version, status
