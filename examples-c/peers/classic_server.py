"""Offers a whole interpreter to 16_classic_client, as rpyc_classic.py does."""
from rpyc.core import SlaveService

from address import serve

serve(SlaveService)
