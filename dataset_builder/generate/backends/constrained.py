"""Sample tokens under a grammar: each row of a batch follows the schema and draws with its own random generator."""

import json
from typing import cast

import llguidance.hf
import llguidance.numpy
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase, TokenizersBackend

from dataset_builder.generate.schema import response_schema
from dataset_builder.teachers.teacher import Limits, Sampling

# The number of likeliest tokens in which the nucleus of top-p is searched before the whole vocabulary is sorted.
LIKELIEST = 64


class Grammar:
    """The schema of a response as a grammar over the vocabulary of one model.

    It also excludes every token that is not made of complete characters, so that a response of n characters has at
    most n tokens; see `longest_response_tokens`.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, end_tokens: list[int], vocabulary: int, limits: Limits
    ) -> None:
        self._tokens = llguidance.hf.from_tokenizer(
            cast(TokenizersBackend, tokenizer), n_vocab=vocabulary, eos_token=end_tokens
        )
        self._text = llguidance.LLMatcher.grammar_from_json_schema(
            json.dumps(response_schema(limits)),
            # No spaces between the parts, and of JSON's escapes only the one of the quotation mark, so that the
            # length of the longest response is known.
            overrides={
                "whitespace_flexible": False,
                "json_allowed_escapes": '"',
                "json_allow_general_unicode_escapes": False,
            },
        )
        self._threads = llguidance.LLExecutor()
        self._usable = np.array([token in end_tokens or self._is_complete(token) for token in range(vocabulary)])

    def _is_complete(self, token: int) -> bool:
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

    def allowed(self, matchers: list[llguidance.LLMatcher]) -> NDArray[np.bool_]:
        """Return which tokens may come next, as booleans of shape (matchers, vocabulary)."""
        bits = llguidance.numpy.allocate_token_bitmask(len(matchers), len(self._usable))
        llguidance.numpy.fill_next_token_bitmask_par(
            self._threads, [(matcher, row) for row, matcher in enumerate(matchers)], bits
        )
        allowed = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, : len(self._usable)]
        usable: NDArray[np.bool_] = allowed.view(bool) & self._usable
        return usable


class SeededRows:
    """A sampler that draws the next token of each row by temperature and top-p, under the grammar.

    Each row has a random generator on the CPU with its own seed, and uses one number of it in each step. So a seed
    means the same in every batch and on every device. Without a `grammar` every token is allowed.
    """

    def __init__(self, grammar: Grammar | None, sampling: Sampling, seeds: list[int]) -> None:
        self._grammar = grammar
        self._matchers = [grammar.matcher() for _ in seeds] if grammar else []
        self._sampling = sampling
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def draw(self, rows: list[int], scores: torch.Tensor) -> list[int]:
        """Return the next token of each of `rows`; their logits are `scores`, of shape (rows, vocabulary)."""
        scores = scores.float() / self._sampling.temperature
        if self._grammar:
            allowed = torch.from_numpy(self._grammar.allowed([self._matchers[row] for row in rows]))
            scores.masked_fill_(~allowed.to(scores.device), -torch.inf)
        points = torch.cat([torch.rand(1, generator=self._generators[row]) for row in rows]).to(scores.device)
        drawn = self._tokens_at(points, scores.softmax(dim=-1)).tolist()
        if self._grammar:
            for row, token in zip(rows, drawn, strict=True):
                self._matchers[row].consume_token(token)
        return drawn

    def _tokens_at(self, points: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        """Return the token of each row at its point (0 to 1) of the cumulative distribution, likeliest token first.

        The distribution covers the nucleus of top-p. Sorting the vocabulary takes longer than a layer of the model, so
        a row is sorted only if its nucleus is larger than the likeliest tokens.
        """
        likeliest, tokens = probabilities.topk(min(LIKELIEST, probabilities.shape[-1]))
        drawn = tokens.gather(1, self._ranks_at(points, likeliest))
        wide = (likeliest.sum(dim=-1) < self._sampling.top_p).nonzero()[:, 0]
        if len(wide):
            ordered, tokens = probabilities[wide].sort(dim=-1, descending=True)
            drawn[wide] = tokens.gather(1, self._ranks_at(points[wide], ordered))
        return drawn[:, 0]

    def _ranks_at(self, points: torch.Tensor, ordered: torch.Tensor) -> torch.Tensor:
        """Return the rank of each row's point among its `ordered` probabilities, largest first, of shape (rows, 1).

        A token is in the nucleus if the tokens before it have a total probability below `top_p`.
        """
        reached = ordered.cumsum(dim=-1)
        inside = (reached - ordered < self._sampling.top_p) & (ordered > 0)
        mass = reached.gather(1, inside.sum(dim=-1, keepdim=True) - 1)
        return ((reached <= points[:, None] * mass) & inside).sum(dim=-1, keepdim=True)
