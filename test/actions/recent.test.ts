/** What is remembered is bounded by its number, and what was asked for lately stays. */
import { expect, test } from 'vitest'
import { Recent } from '../../src/actions/recent.ts'

test('a value is made once while it is remembered', () => {
  const recent = new Recent<number>(2)
  let made = 0
  const make = () => ++made
  expect([recent.get('a', make), recent.get('a', make), recent.get('b', make)]).toEqual([1, 1, 2])
})

test('the one that was asked for longest ago makes room', () => {
  const recent = new Recent<string>(2)
  const asked: string[] = []
  const get = (key: string) =>
    recent.get(key, () => {
      asked.push(key)
      return key
    })
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) get(key)
  expect(asked).toEqual(['a', 'b', 'c', 'b'])
  expect(recent.size).toBe(2)
})

test('nothing is a value, too', () => {
  const recent = new Recent<undefined>(1)
  let made = 0
  const make = () => {
    made += 1
    return undefined
  }
  recent.get('a', make)
  recent.get('a', make)
  expect(made).toBe(1)
})
