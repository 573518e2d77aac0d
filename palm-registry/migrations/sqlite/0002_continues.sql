-- A line that is longer than a line may be goes on in the next one of its instance and stream.
ALTER TABLE logs ADD COLUMN continues INTEGER NOT NULL DEFAULT 0;
