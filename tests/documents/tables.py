"""The documents, in a visible list: what is done with each of their blocks stands in a table of its own."""

from . import bigapi, imagegen, opscenter, pixeldojo, productai

DOCUMENTS = (bigapi.DOCUMENT, imagegen.DOCUMENT, opscenter.DOCUMENT, pixeldojo.DOCUMENT, productai.DOCUMENT)
