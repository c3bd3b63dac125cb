"""Pictures are opened here and nowhere else: by their structure in the caller's process, by decoding in a child.

`pictures.inspection` reads headers and walks the structure, in pure Python that imports nothing heavy. `pictures.slots`
says where a provenance manifest goes. `pictures.studio` does all that needs the pixels, in limited child processes.
"""
