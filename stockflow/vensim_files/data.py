"""Tables of data as Vensim reads and writes them, which models are filled from, too."""

from stockflow.language.data_tables import Column, VensimData, read_data

__all__ = ["Column", "VensimData", "read_data"]
