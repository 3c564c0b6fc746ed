/** Config values that the token answer brings: numbers arrive digit for digit. */
import { expect, test } from 'vitest'
import { authEntrySchema } from '../../src/auth/scheme.ts'
import { finishOAuth2, requireOAuth2 } from '../../src/connections/oauth2-flow.ts'

test.each([
  ['42', '42'],
  ['"acme"', 'acme'],
  ['9007199254740993', '9007199254740993'],
  ['-12345678901234567890', '-12345678901234567890'],
  ['1234567890123456', '1234567890123456'],
])('%s becomes %s', async (told, expected) => {
  const captures = { account: { tokenAnswer: '$.team.id' } }
  const tokenUrl = 'https://acme.example/token'
  const entry = requireOAuth2(authEntrySchema.parse({ scheme: 'oauth2', tokenUrl, captures }))
  const back = {
    config: {},
    redirectUri: 'https://gate.example/oauth/callback',
    params: new URLSearchParams({ code: 'c1', state: 's1' }),
    accept: (config: Readonly<Record<string, string>>) => ({ ...config }),
  }
  const answer = `{"access_token": "t", "expires_in": 3600, "team": {"id": ${told}}}`
  const finished = await finishOAuth2(entry, { clientId: 'c' }, back, async () => new Response(answer))
  expect(finished.config).toEqual({ account: expected })
  expect(finished.credential).toMatchObject({ accessToken: 't', expiresAt: expect.any(String) })
})
