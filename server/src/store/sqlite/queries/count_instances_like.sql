-- Conditions are appended.
SELECT count(*) FROM process_instance i WHERE true
