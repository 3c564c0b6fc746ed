/** A vendor that says back whatever it was told in confidence, in every answer that the gateway itself asks for. */
import { createUpstream, type Recorded, sendJson, type Upstream } from '../../support/upstream.ts'

export const moods = ['good', 'plain', 'code', 'nested', 'page', 'form', 'away', 'revoked', 'gone', 'redirect'] as const
export type Mood = (typeof moods)[number]

export interface EchoingVendor extends Upstream {
  mood: Mood
}

/** `/token` gives tokens, `/revoke` takes them back, `/me` tells of an account; anything else is an API that tells nothing. */
export async function createEchoingVendor(): Promise<EchoingVendor> {
  let minted = 0
  const upstream = await createUpstream((request, response) => {
    const told = textOf(request)
    const own = request.url.startsWith('/token') || request.url.startsWith('/revoke') || request.url.startsWith('/me')
    if (!own) return sendJson(response, { ok: true }, vendor.mood === 'good' ? 200 : 401)
    switch (vendor.mood) {
      case 'good':
        minted += 1
        return sendJson(response, {
          access_token: `canary-minted-${minted}`,
          refresh_token: `canary-rotated-${minted}`,
          expires_in: 3600,
          id: 'acc-1',
        })
      case 'plain':
        return sendJson(response, { error: 'invalid_request', error_description: told }, 400)
      case 'code':
        return sendJson(response, { error: told, message: told }, 401)
      case 'nested':
        return sendJson(response, { error: { code: told, type: told, message: told }, id: 7 }, 403)
      case 'page':
        return void response.writeHead(500, { 'content-type': 'text/html' }).end(`<pre>${told}</pre>`)
      case 'form':
        return void response
          .writeHead(400)
          .end(new URLSearchParams({ error: told, error_description: told }).toString())
      case 'away':
        return void response.destroy()
      case 'revoked':
        return sendJson(response, { error: 'invalid_grant', error_description: told }, 400)
      case 'gone':
        return sendJson(response, { ok: false, error: 'token_revoked', message: told }, 200)
      case 'redirect':
        return void response.writeHead(302, { location: `/elsewhere?${new URLSearchParams({ told })}` }).end()
    }
  })
  const vendor: EchoingVendor = Object.assign(upstream, { mood: 'good' as Mood })
  return vendor
}

function textOf({ url, headers, text }: Recorded): string {
  const { authorization = '' } = headers
  const decoded = Buffer.from(authorization.split(' ')[1] ?? '', 'base64').toString()
  return [...new URLSearchParams(text).values(), text, authorization, decoded, url, JSON.stringify(headers)].join(' ')
}
