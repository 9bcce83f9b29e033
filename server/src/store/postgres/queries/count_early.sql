SELECT count(*) FROM baton.message_buffer
