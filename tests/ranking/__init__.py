"""The ranking as one would write it with no thought of speed: plain functions over lists and dicts.

It is the oracle of `test_ranking.py`. It shares nothing with the Rust code but `agentmem.analyze`, which
makes terms of a text, and the numbers and word lists that `tuning` reads from the sources. From top to
bottom:

- `modes`: the search modes, and what combines them. Start there.
- `statistics`: what a list of records knows of terms.
- `first_stage`: BM25 of all records, the candidates.
- `query`, `forms`: what is asked, and how else it may be spelled.
- `passage`, `signals`, `feedback`: what a candidate says, and what speaks for it.
- `score`: evidence, and the probability that it makes.
- `dialogue`: what turns of a conversation give each other.
- `words`, `tuning`: words and sentences of a text; the constants.
"""
