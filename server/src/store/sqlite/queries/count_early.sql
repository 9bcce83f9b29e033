SELECT count(*) FROM message_buffer
