"""The blocks of a message while it streams: which are open, and which one an event refers to."""

from __future__ import annotations

from messages_conformance.exchange import StreamEvent
from messages_conformance.stream.content_block import Block
from messages_conformance.stream.event_reading import index_after, index_of


class BlockTracker:
    """The blocks that the events so far have started, or have referred to without a start."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        """All blocks of the stream, in the order in which events first mention them."""
        self.expected_index = 0
        """The index that follows the index of the last start."""
        self._position = 0
        """How many blocks this message has so far: the index of the next one, if the server counted correctly."""
        self._latest: dict[int, Block] = {}
        """The latest block of each index."""
        self._unstopped: list[Block] = []
        """The started blocks that may still be open, oldest first; `open_blocks` removes those that are not."""
        self._opened_twice: set[int] = set()
        """The indexes under which two blocks were open at once: their second stop is no fault of its own."""
        self._misdirected: set[int] = set()
        """The indexes of deltas that named no block: a stop with such an index repeats a reported fault."""

    # -- questions --------------------------------------------------------------------------------------------------

    def open_blocks(self) -> list[Block]:
        """The blocks that started and were not stopped, oldest first."""
        self._unstopped = [block for block in self._unstopped if not block.closed and not block.excused]
        return list(self._unstopped)

    def latest(self, index: int) -> Block | None:
        """The latest block of an index."""
        return self._latest.get(index)

    def referred(self, event: StreamEvent) -> Block | None:
        """The block that a delta or stop refers to; without a usable index, the last open one or else the last."""
        index = index_of(event)
        if index is not None:
            return self._latest.get(index)
        candidates = self.open_blocks() or self.blocks
        return candidates[-1] if candidates else None

    def is_misdirected(self, event: StreamEvent) -> bool:
        """Whether a delta with the same index was reported because no block has this index."""
        return index_of(event) in self._misdirected

    def has_position(self, index: int) -> bool:
        """Whether a start may have this index: it follows the last one, or is the true position of the block."""
        return index in (self.expected_index, self._position)

    def wanted(self) -> str:
        """What a delta or stop should have referred to, in words."""
        opened = self.open_blocks()
        if opened:
            return f"index {opened[-1].index}, the open block"
        return f"content_block_start of block {self.expected_index} first"

    # -- changes ----------------------------------------------------------------------------------------------------

    def start(self, block: Block, event: StreamEvent) -> None:
        """Adds a block that starts; an open one of the same index is closed by it."""
        previous = self._latest.get(block.index)
        if not self.has_position(block.index):
            # Later events may refer to the block by its wrong index or by the right one.
            self._latest[self.expected_index] = block
        if previous is not None and not previous.closed:
            previous.superseded = previous.closed = True
            self._opened_twice.add(block.index)
            self._position -= 1
        self.blocks.append(block)
        self._unstopped.append(block)
        self._latest[block.index] = block
        self._misdirected.discard(block.index)
        self._position += 1
        self.expected_index = index_after(event, block.index)

    def start_late(self, assumed: Block, block: Block) -> None:
        """Completes a block that was assumed, when its start comes after its deltas; builds it from them again."""
        assumed.start, assumed.type, assumed.content, assumed.excused = block.start, block.type, block.content, False
        deltas, assumed.deltas, assumed.pieces = assumed.deltas, [], {}
        for event in deltas:
            assumed.append(event)
        self._unstopped.append(assumed)

    def stop(self, block: Block, event: StreamEvent) -> None:
        """Closes a block."""
        block.closed, block.stop = True, event
        block.excused = block.excused or block.index in self._opened_twice

    def assume(self, event: StreamEvent) -> Block:
        """Adds the block to which an event refers although it never started."""
        index = index_of(event)
        block = Block(
            index=self.expected_index if index is None else index, type=None, start=None, content={}, excused=True
        )
        self.blocks.append(block)
        self._latest[block.index] = block
        if block.index == self.expected_index:
            self.skip_position()
        return block

    def block_for_misdirected(self, event: StreamEvent) -> Block:
        """The block of a delta whose index names none: the open block under a wrong index, or an assumed one."""
        opened, index = self.open_blocks(), index_of(event)
        if not opened or index is None:
            return self.assume(event)
        self._misdirected.add(index)
        return opened[-1]

    def skip_position(self) -> None:
        """Counts a block of which only the deltas or the stop came."""
        self.expected_index += 1
        self._position += 1

    def start_over(self) -> None:
        """Begins a second message in the same stream: its blocks count from 0."""
        for block in self.open_blocks():
            block.closed = True
        self.expected_index = self._position = 0
        self._latest.clear()
