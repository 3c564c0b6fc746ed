/** A definition writes neither the headers that frame a message nor, in clear, the one that proves it. */
import { describe, expect, it } from 'vitest'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { refusal } from '../auth/refusal.ts'
import { definition } from './definition.ts'

function detailsOf(changes: Record<string, unknown>) {
  const error = refusal(() => parseIntegration(definition(changes)))
  expect(error.code).toBe('INVALID_INPUT')
  return error.details ?? []
}

describe('headers of a definition', () => {
  it.each(['host', 'Content-Length', 'transfer-encoding', 'Connection', 'keep-alive', 'te', 'upgrade', 'expect'])(
    'refuses to write the header %s',
    name => {
      const injected = detailsOf({ auth: [{ scheme: 'bearer', inject: { headers: { [name]: '{accessToken}' } } }] })
      const takes = 'it takes any header but host, content-length and hop-by-hop ones.'
      expect(injected[0]?.message).toBe(`definition.auth.0.inject.headers.${name} got the name "${name}"; ${takes}`)
      const fixed = detailsOf({ headers: { [name]: 'x' } })
      expect(fixed[0]?.message).toMatch(
        /it takes any header but authorization, host, content-length and hop-by-hop ones\.$/,
      )
    },
  )

  it('refuses a static authorization header', () => {
    expect(detailsOf({ headers: { Authorization: 'Bearer x' } })[0]?.field).toBe('definition.headers.Authorization')
  })
})
