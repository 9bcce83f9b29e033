DELETE FROM source WHERE name = ?1
