"""Beam and greedy search in PyTorch over a step function, all hypotheses of all sentences as the rows of one batch.

`step(ids [R], states)` gives the logits [R, V] of the next token and the next states, for each layer a tuple of tensors [R, H].
Rows of a sentence stand side by side; the first step has one row for each. Written for the benchmark, and an independent
check of Cadenza's own searches.
"""

import torch

NEVER = float("-inf")


def length_penalty(length, alpha):
    """Wu et al. 2016, equation 14; the end token counts."""
    return ((5 + length) / 6) ** alpha


def restrict(scores, position, tokens, shortest, longest):
    """Bans tokens in scores [R, V]: those never to be chosen, the end before `shortest` tokens, all else after `longest`."""
    end = tokens["end"]
    if position >= longest:
        scores[:, :end] = NEVER
        scores[:, end + 1 :] = NEVER
        return scores
    scores[:, tokens["banned"]] = NEVER
    if position < shortest:
        scores[:, end] = NEVER
    return scores


def greedy_search(step, states, tokens, shortest, longest):
    """The most likely token at every step: the tokens of each sentence, without those that start and end it."""
    rows = states[0][0].shape[0]
    ids, ended = torch.full((rows,), tokens["start"]), torch.zeros(rows, dtype=torch.bool)
    chosen = []
    for position in range(longest + 1):
        logits, states = step(ids, states)
        ids = restrict(logits, position, tokens, shortest, longest).argmax(1)
        chosen.append(ids)
        ended |= ids == tokens["end"]
        if ended.all():
            break
    table = torch.stack(chosen, 1).tolist()
    return [row[: row.index(tokens["end"])] for row in table]


def beam_search(step, states, beam_size, alpha, tokens, shortest, longest):
    """
    The best hypothesis of each sentence by log P / lp. Of the 2 K likeliest extensions of a step those among the first K that end are
    kept as ended, and the first K that do not end go on. Searches until no hypothesis can overtake the best that has ended.
    """
    B, K, end = states[0][0].shape[0], beam_size, tokens["end"]
    ids = torch.full((B,), tokens["start"])
    alive = torch.zeros(B, 1)  # [B, K] from the second step on: log-probabilities
    best_score, best_place = torch.full((B,), NEVER), torch.zeros(B, 2, dtype=torch.long)
    history = []  # of each step the tokens and the places of what they extend, [B, 2 K]
    sentences = torch.arange(B)[:, None]
    first_ranks = torch.arange(2 * K) < K
    for position in range(longest + 1):
        logits, states = step(ids, states)
        scores = restrict(torch.log_softmax(logits.float(), 1), position, tokens, shortest, longest)
        V = scores.shape[1]
        totals = alive[:, :, None] + scores.view(B, -1, V)  # [B, K, V]
        top, places = totals.view(B, -1).topk(2 * K, 1)
        parents, chosen = places // V, places % V  # [B, 2 K]
        ends = chosen == end

        finished = torch.where(ends & first_ranks, top / length_penalty(position + 1, alpha), torch.tensor(NEVER))
        score, rank = finished.max(1)
        better = score > best_score
        best_score = torch.where(better, score, best_score)
        best_place[better] = torch.stack([torch.full_like(rank, position), rank], 1)[better]

        alive, ranks = top.masked_fill(ends, NEVER).topk(K, 1)  # [B, K]
        # A step's rows are the ranks that go on.
        history.append((chosen, parents, ranks))
        if (alive[:, 0] / length_penalty(longest + 1, alpha) <= best_score).all():
            break
        ids = chosen.gather(1, ranks).view(-1)
        rows = (sentences * totals.shape[1] + parents.gather(1, ranks)).view(-1)
        states = [tuple(part.index_select(0, rows) for part in state) for state in states]
    return [trace(history, sentence, *best_place[sentence].tolist()) for sentence in range(B)]


def trace(history, sentence, position, rank):
    """The tokens before the end of the hypothesis that ended at this place."""
    found = []
    while position > 0:
        row = history[position][1][sentence, rank]
        position -= 1
        rank = history[position][2][sentence, row]
        found.append(history[position][0][sentence, rank].item())
    return found[::-1]
