INSERT INTO lab_writes (body) VALUES (repeat('product ', 60));
