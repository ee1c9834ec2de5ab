"""Constrained sampling: each row of a batch follows the grammar, and draws its tokens from a generator of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import llguidance.hf
import llguidance.numpy
import numpy as np
import torch

from dataset_builder.generate.schema import COMPACT, Limits, response_schema

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from dataset_builder.generate.teacher import Sampling


class Grammar:
    """The schema of a response over the vocabulary of one model: which tokens may come next.

    Besides the grammar it leaves out every token that is not made of whole characters, so that a response of n
    characters has at most n tokens; see `least_new_tokens`.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, ends: list[int], vocabulary: int, limits: Limits) -> None:
        self.ends = ends
        self._tokens = llguidance.hf.from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=ends)
        self._text = llguidance.LLMatcher.grammar_from_json_schema(
            json.dumps(response_schema(limits)), overrides=COMPACT
        )
        self._usable = np.array([token in ends or self._is_whole(token) for token in range(vocabulary)])

    def _is_whole(self, token: int) -> bool:
        try:
            return bool(self._tokens.decode_bytes([token]).decode())
        except UnicodeDecodeError:
            return False

    def matcher(self) -> llguidance.LLMatcher:
        """Return a matcher at the beginning of a response."""
        matcher = llguidance.LLMatcher(self._tokens, self._text)
        if matcher.is_error():
            raise RuntimeError(f"llguidance refuses the schema: {matcher.get_error()}")
        return matcher

    def allowed(self, matchers: list[llguidance.LLMatcher]) -> np.ndarray:
        """Return which tokens may come next: bool, one row a matcher, one column a token."""
        bits = llguidance.numpy.allocate_token_bitmask(len(matchers), len(self._usable))
        for row, matcher in enumerate(matchers):
            llguidance.numpy.fill_next_token_bitmask(matcher, bits, row)
        allowed = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, : len(self._usable)]
        return allowed.astype(bool) & self._usable


class SeededRows:
    """Draws the next token of each row, from what `grammar` allows, at the given temperature and top-p.

    A row's noise comes from a generator of the row's seed and is drawn for the whole vocabulary at each step: a seed
    means the same in any batch.
    The draw is the largest of log-probability plus Gumbel noise (Gumbel 1954; Maddison et al. 2014, arXiv:1411.0030),
    which is a draw from the distribution itself. `grammar` None leaves every token allowed.
    """

    def __init__(self, grammar: Grammar | None, sampling: Sampling, seeds: list[int]) -> None:
        self._grammar = grammar
        self._matchers = [grammar.matcher() for _ in seeds] if grammar else []
        self._sampling = sampling
        self._seeds = seeds
        self._generators: list[torch.Generator] = []

    def draw(self, rows: list[int], scores: torch.FloatTensor) -> list[int]:
        """Return the next token of each of `rows`, whose logits are `scores`, (rows, vocabulary)."""
        scores = scores.float() / self._sampling.temperature
        if self._grammar:
            allowed = torch.from_numpy(self._grammar.allowed([self._matchers[row] for row in rows]))
            scores.masked_fill_(~allowed.to(scores.device), -torch.inf)
        if not self._generators:
            self._generators = [torch.Generator(scores.device).manual_seed(seed) for seed in self._seeds]
        noise = torch.empty_like(scores)
        for row, of_row in zip(rows, noise, strict=True):
            of_row.exponential_(generator=self._generators[row])
        # The logarithm of an exponential variable is, but for its sign, a Gumbel variable.
        drawn = self._largest_of_nucleus(scores, scores - noise.log_())[:, 0].tolist()
        if self._grammar:
            for row, token in zip(rows, drawn, strict=True):
                self._matchers[row].consume_token(token)
        return drawn

    def _largest_of_nucleus(self, scores: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
        """Return the column of the largest `noisy` score of each row, [rows, 1], within the nucleus of top-p.

        A token is in it if the tokens that are likelier have less than `top_p` together. Asking that of the largest,
        then the second, ... takes about one pass, where sorting the vocabulary would take longer than the model.
        """
        probabilities = scores.softmax(dim=-1)
        while True:
            drawn = noisy.argmax(dim=-1, keepdim=True)
            likelier = (probabilities * (scores > scores.gather(1, drawn))).sum(dim=-1, keepdim=True)
            outside = likelier >= self._sampling.top_p
            if not outside.any():
                return drawn
            noisy.scatter_(1, drawn, torch.where(outside, -torch.inf, noisy.gather(1, drawn)))
