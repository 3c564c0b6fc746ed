/** Signatures: an independent verifier takes ours, by each secret that is in use, and nothing else. */
import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import {
  newSecret,
  overlapMs,
  readSecrets,
  rotate,
  signatureHeaders,
  writeSecrets,
} from '../../src/webhooks/signature.ts'

const message = { id: 'evt_01', body: '{"type":"connection.updated","data":{"name":"Zoë \\u2028 日本"}}' }

describe('a signature', () => {
  test('is the one of the standard’s own example', () => {
    const secrets = { current: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }
    const example = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}' }
    expect(signatureHeaders(example, secrets, new Date(1614265330_000))).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })

  test('is taken by another implementation, and not with one character changed', () => {
    const current = newSecret()
    const headers = signatureHeaders(message, { current }, new Date())
    const verifier = new Webhook(current)
    expect(verifier.verify(message.body, headers)).toEqual(JSON.parse(message.body))
    expect(() => verifier.verify(`${message.body} `, headers)).toThrow(WebhookVerificationError)
    expect(() => verifier.verify(message.body, { ...headers, 'webhook-id': 'evt_02' })).toThrow(
      WebhookVerificationError,
    )
    expect(() => new Webhook(newSecret()).verify(message.body, headers)).toThrow(WebhookVerificationError)
  })

  test('is made by the old secret, too, for a day after a rotation', () => {
    const first = { current: newSecret() }
    const now = new Date()
    const second = readSecrets(writeSecrets(rotate(first, now)))
    const headers = signatureHeaders(message, second, now)
    for (const secret of [first.current, second.current]) {
      expect(new Webhook(secret).verify(message.body, headers)).toBeDefined()
    }
    const later = signatureHeaders(message, second, new Date(now.getTime() + overlapMs))
    expect(later['webhook-signature']).not.toContain(' ')
    expect(new Set([first.current, second.current]).size).toBe(2)
    const third = rotate(second, now)
    const latest = signatureHeaders(message, third, now)
    expect(() => new Webhook(first.current).verify(message.body, latest)).toThrow(WebhookVerificationError)
    expect(new Webhook(second.current).verify(message.body, latest)).toBeDefined()
  })

  test('has a secret of 32 random bytes', () => {
    const secret = newSecret()
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(newSecret()).not.toBe(secret)
  })

  test('is not made of what is no secret', () => {
    for (const text of ['{}', 'null', '{"current":7}']) expect(() => readSecrets(text)).toThrow(TypeError)
  })
})
