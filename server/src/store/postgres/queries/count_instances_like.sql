-- Conditions are appended.
SELECT count(*) FROM baton.process_instance i WHERE true
