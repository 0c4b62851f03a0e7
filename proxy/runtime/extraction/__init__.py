"""What the store reads of a datafeed's source, made into the batches that the engine takes."""
