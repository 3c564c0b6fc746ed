import { expect, test } from 'vitest'
import { FairQueue } from '../../src/limits/fair-queue.ts'

test('groups take turns, and within a group who came first goes first', () => {
  const queue = new FairQueue<string>(100)
  for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) queue.add(item.charAt(0), item)
  const order = Array.from({ length: 7 }, () => queue.take())
  expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', undefined])
})

test('is bounded, and forgets who left', () => {
  const queue = new FairQueue<object>(2)
  const [first, second, third] = [{}, {}, {}]
  expect([queue.add('a', first), queue.add('a', second), queue.add('b', third)]).toEqual([true, true, false])
  queue.remove('a', first)
  queue.remove('a', first)
  queue.remove('b', first)
  expect([queue.size, queue.add('b', third), queue.take(), queue.take(), queue.size]).toEqual([
    1,
    true,
    second,
    third,
    0,
  ])
})

test('one who comes again waits behind those who did not have a turn', () => {
  const queue = new FairQueue<string>(100)
  queue.add('a', 'a1')
  queue.add('b', 'b1')
  expect(queue.take()).toBe('a1')
  queue.add('a', 'a2')
  expect([queue.take(), queue.take()]).toEqual(['b1', 'a2'])
})
