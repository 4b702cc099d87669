// The time of a new message: behind what others said and behind what was said here, whatever somebody's clock says (PROTOCOL 9.2).
import test from 'ava'

import { isBelieved, nextTime } from '../../../lib/client/messages/timing.ts'

const HOUR = 3_600_000
const NOW = 1000 * 24 * HOUR

test('behind the last thing said, and at the time of the clock when that is later', (t) => {
  t.is(nextTime(NOW, 0), NOW)
  t.is(nextTime(NOW, NOW - 1), NOW)
  t.is(nextTime(NOW, NOW), NOW + 1)
  t.is(nextTime(NOW, NOW + 20 * HOUR), NOW + 20 * HOUR + 1)
  t.is(nextTime(NOW, NOW + HOUR, NOW + 2 * HOUR), NOW + 2 * HOUR + 1)
})

test('somebody whose clock is nearly too far ahead puts nothing of ours above what we answered or said', (t) => {
  const answered = NOW + 20 * 60_000
  const first = nextTime(NOW, answered)
  // somebody else, before the second one
  const second = nextTime(NOW + 1, NOW + 24 * HOUR, first)
  const third = nextTime(NOW + 1, NOW + 24 * HOUR, second)
  t.true(answered < first && first < second && second < third)
  t.true(isBelieved({ ts: third, at: NOW }), 'not so far that it would not be believed')
  t.true(isBelieved({ ts: third, at: NOW - HOUR / 2 }), 'nor by a clock that is behind')
})

test('a clock that was wrong itself counts no more once it is right', (t) => {
  t.is(nextTime(NOW, NOW + 1000 * HOUR, NOW + 1000 * HOUR), NOW)
})
