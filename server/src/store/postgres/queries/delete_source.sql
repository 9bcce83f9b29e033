DELETE FROM baton.source WHERE name = $1
