/** A secret of a series opens only at its own place, unchanged, and under a key of the ring. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { KeyRing } from '../../src/vault/key-ring.ts'
import { Vault } from '../../src/vault/vault.ts'

const k1 = { id: 'k1', key: randomBytes(32) }
const k2 = { id: 'k2', key: randomBytes(32) }

describe('a series', () => {
  const vault = new Vault(new KeyRing([k1]))
  const series = vault.startSeries('callRequest')

  test('opens what it sealed, in another process and beside a new key, too', () => {
    const sealed = ['first', 'second'].map(id => series.seal('ws_1', id, `canary ${id} ü`))
    expect(sealed.map(envelope => envelope.includes('canary'))).toEqual([false, false])
    const other = new Vault(new KeyRing([k2, k1])).startSeries('callRequest')
    for (const [index, id] of ['first', 'second'].entries()) {
      expect(series.open('ws_1', id, sealed[index] ?? Buffer.of())).toBe(`canary ${id} ü`)
      expect(other.open('ws_1', id, sealed[index] ?? Buffer.of())).toBe(`canary ${id} ü`)
    }
  })

  test('seals the same text differently each time', () => {
    expect(series.seal('ws_1', 'id', 'x').equals(series.seal('ws_1', 'id', 'x'))).toBe(false)
  })

  test('opens nothing at another place, as another kind, or without its key', () => {
    const sealed = series.seal('ws_1', 'id', 'canary')
    expect(() => series.open('ws_1', 'other', sealed)).toThrow()
    expect(() => series.open('ws_2', 'id', sealed)).toThrow()
    expect(() => vault.startSeries('other').open('ws_1', 'id', sealed)).toThrow()
    expect(() => new Vault(new KeyRing([k2])).startSeries('callRequest').open('ws_1', 'id', sealed)).toThrow(
      'the secret is sealed under an encryption key that is not in the key ring',
    )
    expect(() => vault.open({ workspaceId: 'ws_1', kind: 'callRequest', id: 'id' }, sealed)).toThrow('damaged')
  })

  test('does not open an envelope that is none of a series', () => {
    const { envelope } = vault.seal({ workspaceId: 'ws_1', kind: 'callRequest', id: 'id' }, 'x')
    expect(() => series.open('ws_1', 'id', envelope)).toThrow()
    expect(() => series.open('ws_1', 'id', Buffer.of())).toThrow()
  })

  test('does not open an envelope with any bit flipped, or a piece of one', () => {
    const sealed = series.seal('ws_1', 'id', 'some secret')
    for (let index = 0; index < sealed.length; index += 1) {
      const damaged = Buffer.from(sealed)
      damaged[index] = (damaged[index] ?? 0) ^ 1
      expect(() => series.open('ws_1', 'id', damaged)).toThrow()
      expect(() => series.open('ws_1', 'id', sealed.subarray(0, index))).toThrow()
    }
  })

  test('has a data key of its own for each workspace', () => {
    const heads = ['ws_1', 'ws_2'].map(workspaceId =>
      series.seal(workspaceId, 'id', 'x').subarray(0, 64).toString('hex'),
    )
    expect(heads[0]).not.toBe(heads[1])
    expect(series.seal('ws_1', 'other', 'x').subarray(0, 64).toString('hex')).toBe(heads[0])
  })
})
