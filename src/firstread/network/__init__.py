"""DICOM over the network: a node that stores, finds, sends and commits; and the calls to other nodes."""

from firstread.network.acceptance import Acceptance
from firstread.network.node import Listening, Node
from firstread.network.peers import Peer

__all__ = ["Acceptance", "Listening", "Node", "Peer"]
