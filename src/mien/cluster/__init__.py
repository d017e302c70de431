"""Read the faces of many photos on many machines, in any engine that distributes tables."""

from mien.cluster.batch_reader import BatchReader as BatchReader
