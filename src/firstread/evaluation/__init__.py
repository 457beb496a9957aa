"""How well the reader does on annotated scans: detection, lungs, measurement, attributes, against human readers."""
