/** Envelopes as the first version made them: header and binding are the associated data of both layers. */
import { createCipheriv, randomBytes } from 'node:crypto'
import type { SecretBinding } from '../../src/vault/bindings.ts'
import type { EncryptionKey } from '../../src/vault/key-ring.ts'

export function sealFirstVersion(key: EncryptionKey, binding: SecretBinding, secret: string): Buffer {
  const header = Buffer.concat([Buffer.of(1, key.id.length), Buffer.from(key.id)])
  const place = [binding.workspaceId, binding.kind, binding.id].map(part => `${part.length}:${part}`).join('|')
  const associated = Buffer.concat([header, Buffer.from(place)])
  const dataKey = randomBytes(32)
  return Buffer.concat([
    header,
    encrypt(key.key, associated, dataKey),
    encrypt(dataKey, associated, Buffer.from(secret)),
  ])
}

function encrypt(key: Buffer, associated: Buffer, plain: Buffer): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(associated)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}
