/** A sealed secret opens only where it was sealed, unchanged, and under its own key. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { envelopeKeyId } from '../../src/vault/envelope.ts'
import { KeyRing } from '../../src/vault/key-ring.ts'
import { Vault, VaultError } from '../../src/vault/vault.ts'

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

describe('a key ring', () => {
  test.each([
    [[], 'a key ring needs at least one key'],
    [[{ id: 'k', key: randomBytes(16) }], 'an encryption key has 32 bytes'],
    [[k1, { ...k2, id: 'k1' }], 'two encryption keys share one id'],
  ])('refuses %#', (keys, message) => {
    expect(() => new KeyRing(keys)).toThrow(new TypeError(message))
  })
})
