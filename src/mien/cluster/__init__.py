"""Read the faces of many photos on many machines, with an engine that moves the tables."""

from mien.cluster.batch_reader import BatchReader as BatchReader
