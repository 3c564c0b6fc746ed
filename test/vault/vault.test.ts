/** A sealed secret opens only where it was sealed, unchanged, and under its own key. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { envelopeKeyId } from '../../src/vault/envelope.ts'
import { KeyRing } from '../../src/vault/key-ring.ts'
import { Vault, VaultError } from '../../src/vault/vault.ts'
import { sealFirstVersion } from './first-version.ts'

const k1 = { id: 'k1', key: randomBytes(32) }
const k2 = { id: 'k2', key: randomBytes(32) }
const place = { workspaceId: 'ws_1', kind: 'connection', id: 'conn_1' }

function refusal(run: () => unknown): VaultError {
  try {
    run()
  } catch (error) {
    if (error instanceof VaultError) return error
  }
  throw new Error('it opened')
}

describe('a vault', () => {
  const vault = new Vault(new KeyRing([k1]))

  test('opens what it sealed', () => {
    const { envelope, keyId } = vault.seal(place, 'canary ü')
    expect(keyId).toBe('k1')
    expect(envelope.includes('canary')).toBe(false)
    expect(vault.open(place, envelope)).toBe('canary ü')
  })

  test('seals the same text differently each time', () => {
    expect(vault.seal(place, 'x').envelope.equals(vault.seal(place, 'x').envelope)).toBe(false)
  })

  test.each([
    { ...place, id: 'conn_2' },
    { ...place, workspaceId: 'ws_2' },
    { ...place, kind: 'oauthClient' },
    { workspaceId: 'ws_1|10:connection', kind: '', id: 'conn_1' },
  ])('does not open an envelope that was moved to %j', other => {
    const error = refusal(() => vault.open(other, vault.seal(place, 'x').envelope))
    expect(error).toMatchObject({
      reason: 'damaged',
      message: 'the sealed secret is damaged or was sealed for another row',
    })
  })

  test('does not open an envelope with any bit flipped', () => {
    const { envelope } = vault.seal(place, 'some secret')
    for (let index = 0; index < envelope.length; index++) {
      const damaged = Buffer.from(envelope)
      damaged[index] = (damaged[index] ?? 0) ^ 1
      expect(refusal(() => vault.open(place, damaged)).message).toMatch(/damaged|not in the key ring/)
    }
  })

  test('does not open a piece of an envelope', () => {
    const { envelope } = vault.seal(place, 'some secret')
    for (let length = 0; length < envelope.length; length++) {
      expect(refusal(() => vault.open(place, envelope.subarray(0, length))).reason).toBe('damaged')
    }
  })

  test('names the key that is missing', () => {
    const { envelope } = new Vault(new KeyRing([k2])).seal(place, 'x')
    expect(envelopeKeyId(envelope)).toBe('k2')
    expect(refusal(() => vault.open(place, envelope))).toMatchObject({
      reason: 'unknown-key',
      message: 'the secret is sealed under the encryption key k2, which is not in the key ring',
    })
  })

  test('does not open under another key of the same id', () => {
    const impostor = new Vault(new KeyRing([{ id: 'k1', key: randomBytes(32) }]))
    expect(refusal(() => impostor.open(place, vault.seal(place, 'x').envelope)).reason).toBe('damaged')
  })

  test('seals with the first key of its ring and opens with all', () => {
    const rotated = new Vault(new KeyRing([k2, k1]))
    expect(rotated.open(place, vault.seal(place, 'old').envelope)).toBe('old')
    expect(rotated.seal(place, 'new').keyId).toBe('k2')
  })
})

describe('re-wrapping', () => {
  const before = new Vault(new KeyRing([k1]))
  const between = new Vault(new KeyRing([k2, k1]))
  const after = new Vault(new KeyRing([k2]))

  function rewrap(vault: Vault, envelope: Buffer): Buffer {
    const rewrapped = vault.rewrap(place, envelope)
    expect(rewrapped?.keyId).toBe(vault.primaryId)
    return rewrapped?.envelope ?? Buffer.alloc(0)
  }

  test('puts a secret under the first key, which alone opens it', () => {
    const { envelope } = before.seal(place, 'canary ü')
    const rewrapped = rewrap(between, envelope)
    expect(envelopeKeyId(rewrapped)).toBe('k2')
    expect(after.open(place, rewrapped)).toBe('canary ü')
    expect(refusal(() => before.open(place, rewrapped)).reason).toBe('unknown-key')
  })

  test('leaves the sealed secret as it is: only what is around its data key changes', () => {
    const { envelope } = before.seal(place, 'canary')
    const inner = (bytes: Buffer) => bytes.subarray(2 + 2 + 60)
    expect(inner(rewrap(between, envelope)).equals(inner(envelope))).toBe(true)
    expect(inner(envelope)).toHaveLength(12 + 'canary'.length + 16)
  })

  test('has nothing to do under the first key', () => {
    expect(between.rewrap(place, between.seal(place, 'x').envelope)).toBeUndefined()
  })

  test('there and back again opens', () => {
    const there = rewrap(between, before.seal(place, 'x').envelope)
    const back = rewrap(new Vault(new KeyRing([k1, k2])), there)
    expect(before.open(place, back)).toBe('x')
  })

  test('refuses another place, a key that is missing, and the impostor of a key', () => {
    const { envelope } = before.seal(place, 'x')
    expect(refusal(() => between.rewrap({ ...place, id: 'conn_2' }, envelope)).reason).toBe('damaged')
    expect(refusal(() => after.rewrap(place, envelope)).reason).toBe('unknown-key')
    const impostor = new Vault(new KeyRing([k2, { id: 'k1', key: randomBytes(32) }]))
    expect(refusal(() => impostor.rewrap(place, envelope)).reason).toBe('damaged')
  })

  test('of an envelope with a bit flipped is refused, or what comes of it does not open', () => {
    const { envelope } = before.seal(place, 'some secret')
    const innerStart = 2 + 2 + 60
    for (let index = 0; index < envelope.length; index++) {
      const damaged = Buffer.from(envelope)
      damaged[index] = (damaged[index] ?? 0) ^ 1
      if (index < innerStart) refusal(() => between.rewrap(place, damaged))
      else expect(refusal(() => after.open(place, rewrap(between, damaged))).reason).toBe('damaged')
    }
  })

  test('cannot be used to put one secret’s inside into another’s outside', () => {
    const one = before.seal(place, 'one').envelope
    const two = before.seal(place, 'two').envelope
    const mixed = Buffer.concat([one.subarray(0, 64), two.subarray(64)])
    expect(refusal(() => after.open(place, rewrap(between, mixed))).reason).toBe('damaged')
  })
})

describe('an envelope of the first version', () => {
  // Sealed for `place` by the code of that time under 32 bytes of 7.
  const first = Buffer.from(
    'AQJrMWHwE/YsSfC1CQYZQqOlJsj5dyro9eEgLWcGbSm9uKnXWxZpUmOkDJuarGWiihCod/phxOLyLl/5laBlGs6J4GmHXLbiexZNojHAFkU3ZJePZ6kHCDh0D5bmwJVeodcGgcRIyq3OoErw',
    'base64',
  )
  const old = { id: 'k1', key: Buffer.alloc(32, 7) }
  const vault = new Vault(new KeyRing([old]))

  test('still opens, where it was sealed', () => {
    expect(vault.open(place, first)).toBe('sealed before ü')
    expect(refusal(() => vault.open({ ...place, id: 'conn_2' }, first)).reason).toBe('damaged')
  })

  test.each([
    ['the same key', [old]],
    ['another key', [k2, old]],
  ])('is sealed anew under %s', (_name, keys) => {
    const ring = new Vault(new KeyRing(keys))
    const rewrapped = ring.rewrap(place, first)
    expect(rewrapped).toMatchObject({ keyId: ring.primaryId })
    expect(rewrapped?.envelope[0]).toBe(2)
    expect(ring.open(place, rewrapped?.envelope ?? first)).toBe('sealed before ü')
    expect(ring.rewrap(place, rewrapped?.envelope ?? first)).toBeUndefined()
  })

  test('is what the tests make of it', () => {
    expect(vault.open(place, sealFirstVersion(old, place, 'made here'))).toBe('made here')
  })

  test('does not open as one of today, nor one of today as it', () => {
    const raised = Buffer.from(first)
    raised[0] = 2
    expect(refusal(() => vault.open(place, raised)).reason).toBe('damaged')
    const lowered = Buffer.from(vault.seal(place, 'x').envelope)
    lowered[0] = 1
    expect(refusal(() => vault.open(place, lowered)).reason).toBe('damaged')
  })

  test('that is damaged anywhere is not sealed anew', () => {
    const between = new Vault(new KeyRing([k2, old]))
    for (let index = 0; index < first.length; index++) {
      const damaged = Buffer.from(first)
      damaged[index] = (damaged[index] ?? 0) ^ 1
      expect(refusal(() => between.rewrap(place, damaged)).message).toMatch(/damaged|not in the key ring/)
    }
  })
})

describe('a key ring', () => {
  test.each([
    [[], 'a key ring needs at least one key'],
    [[{ id: 'k', key: randomBytes(16) }], 'an encryption key has 32 bytes'],
    [[k1, { ...k2, id: 'k1' }], 'two encryption keys share one id'],
  ])('refuses %#', (keys, message) => {
    expect(() => new KeyRing(keys)).toThrow(new TypeError(message))
  })
})
