"""The layer that writes sequences, in PyTorch, and networks that end in it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from dbx_dl.frameworks import decoder_layers as kinds
from dbx_dl.frameworks.token_layers import MASKED_SCORE, PADDING_ID
from dbx_dl.frameworks.torch.token_layers import keep_tokens, walk


class Memory(NamedTuple):
    """What is looked at: values (N, S, K), the keys (N, S, units) of them, and 1 for tokens (N, S) (None: all 1)."""

    values: Any
    keys: Any
    tokens: Any


class AttentionDecoder(nn.Module):  # type: ignore[misc]
    """See `frameworks.decoder_layers.AttentionDecoder`."""

    takes_tokens = True

    def __init__(self, layer: kinds.AttentionDecoder, size: int) -> None:
        super().__init__()
        self._num_steps, units = layer.num_steps, layer.units
        self.embedding = nn.Embedding(layer.num_ids, layer.width)
        self.start = nn.Linear(size, units)
        self.keys = nn.Linear(size, units, bias=False)
        self.query = nn.Linear(units, units)
        self.score = nn.Linear(units, 1, bias=False)
        self.input_gates = nn.Linear(layer.width + size, 3 * units)
        self.state_gates = nn.Linear(units, 3 * units)
        self.output = nn.Linear(units + size, layer.num_ids)
        self._draw()

    def forward(self, values_nsk: Any, tokens_ns: Any = None) -> Any:
        """What is written greedily: ids and their probabilities, float32 (N, 2 T)."""
        return self._write(self._read(values_nsk, tokens_ns))[0]

    def attend(self, values_nsk: Any, tokens_ns: Any) -> Any:
        """How much of each value goes into each step of what is written: shares (N, T, S)."""
        return self._write(self._read(values_nsk, tokens_ns))[1]

    def _write(self, memory: Memory) -> tuple[Any, Any]:
        """Ids and probabilities (N, 2 T), and what was looked at (N, T, S)."""
        state = self._start(memory)
        ids = torch.full_like(memory.values[:, 0, 0], kinds.END_ID, dtype=torch.int64)
        goes_on = torch.ones_like(ids, dtype=torch.float32)
        written, shares, looks = [], [], []
        for _ in range(self._num_steps):
            state, seen, look = self._step(memory, state, self.embedding(ids))
            looks.append(look)
            probabilities = torch.softmax(self.output(seen).float(), dim=-1)
            ids = probabilities.argmax(dim=-1) * goes_on.to(torch.int64)
            shares.append(probabilities.amax(dim=-1) * goes_on + (1 - goes_on))
            written.append(ids.to(torch.float32))
            goes_on = goes_on * (ids != kinds.END_ID).to(torch.float32)
        return torch.stack([*written, *shares], dim=1), torch.stack(looks, dim=1)

    def follow(self, values_nsk: Any, tokens_ns: Any, truth_nt: Any) -> Any:
        """Logits (N, T, num_ids) where the token before each step is the true one."""
        memory = self._read(values_nsk, tokens_ns)
        before = torch.cat([torch.full_like(truth_nt[:, :1], kinds.END_ID), truth_nt[:, :-1]], dim=1)
        words, state, seen = self.embedding(before), self._start(memory), []
        for step in range(self._num_steps):
            state, new, _ = self._step(memory, state, words[:, step])
            seen.append(new)
        return self.output(torch.stack(seen, dim=1))

    def _read(self, values_nsk: Any, tokens_ns: Any) -> Memory:
        return Memory(values_nsk, self.keys(values_nsk), tokens_ns)

    def _start(self, memory: Memory) -> Any:
        """The first state (N, units)."""
        if memory.tokens is None:
            return torch.tanh(self.start(memory.values.mean(dim=1)))
        num_tokens = memory.tokens.sum(dim=1, keepdim=True).clamp(min=1)
        return torch.tanh(self.start(keep_tokens(memory.values, memory.tokens).sum(dim=1) / num_tokens))

    def _step(self, memory: Memory, state: Any, word: Any) -> tuple[Any, Any, Any]:
        """The next state (N, units); beside it what was looked at (N, units + K); and the shares of that (N, S)."""
        shares = self._look(memory, state)
        context = (shares[:, None] @ memory.values)[:, 0]
        of_input = self.input_gates(torch.cat([word, context], dim=-1)).chunk(3, dim=-1)
        of_state = self.state_gates(state).chunk(3, dim=-1)
        reset, update = (torch.sigmoid(of_input[place] + of_state[place]) for place in (0, 1))
        new = torch.tanh(of_input[2] + reset * of_state[2])
        state = update * state + (1 - update) * new
        return state, torch.cat([state, context], dim=-1), shares

    def _look(self, memory: Memory, state: Any) -> Any:
        """Shares (N, S) of values in the mean that the state asks for; zeros of a row without tokens."""
        scores = self.score(torch.tanh(memory.keys + self.query(state)[:, None]))[..., 0]
        if memory.tokens is None:
            return torch.softmax(scores, dim=-1)
        scores = scores + (1 - memory.tokens) * MASKED_SCORE
        return torch.softmax(scores, dim=-1) * memory.tokens

    def _draw(self) -> None:
        """Weights as Keras draws them; those of the state as in a recurrent layer."""
        nn.init.uniform_(self.embedding.weight, -0.05, 0.05)
        for module in (self.start, self.keys, self.query, self.score, self.input_gates, self.output):
            nn.init.xavier_uniform_(module.weight)
        nn.init.orthogonal_(self.state_gates.weight)
        for module in self.children():
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)


class WritingNetwork(nn.Sequential):  # type: ignore[misc]
    """Modules one after the other on images, recordings or ids (N, T), the last one of them an `AttentionDecoder`."""

    def forward(self, inputs: Any) -> Any:
        """What is written, (N, 2 T)."""
        return walk(self, inputs, _find_tokens(inputs))

    def follow(self, inputs: Any, truth_nt: Any) -> Any:
        """Logits (N, T, num_ids) where the token before each step is the true one."""
        decoder, values, tokens = self._encode(inputs)
        return decoder.follow(values, tokens, truth_nt)

    def attend(self, inputs: Any) -> Any:
        """Shares (N, T, S) of what is looked at."""
        decoder, values, tokens = self._encode(inputs)
        return decoder.attend(values, tokens)

    def _encode(self, inputs: Any) -> tuple[Any, Any, Any]:
        """The decoder, and the values and tokens that it takes."""
        *before, decoder = self
        tokens = _find_tokens(inputs)
        return decoder, walk(before, inputs, tokens), tokens


def _find_tokens(inputs: Any) -> Any:
    """1 for tokens of a text, 0 for padding; None for images and recordings."""
    return (inputs != PADDING_ID).to(torch.float32) if inputs.dtype is torch.int32 else None
