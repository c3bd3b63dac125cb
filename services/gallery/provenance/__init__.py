"""Content Credentials: every picture that leaves the gallery says who made it, with what, and when (C2PA 2.1).

`authority` makes and keeps the certificate, `signer` signs digests, `library` reads and writes through the c2pa
library. A manifest is assembled here from four standards, one file each: boxes (`jumbf`, ISO/IEC 19566-5), values
(CBOR), the statement (`claims`, C2PA) and the signature (`cose`, RFC 9052). The library would do the same from the
same digest, at five times the cost; it is the oracle of the contract tests instead.
"""
