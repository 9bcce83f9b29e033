-- Pages that are free are used again before the file grows.
SELECT page_count * page_size FROM pragma_page_count, pragma_page_size
