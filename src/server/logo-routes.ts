/** `GET /logos/{icon}.svg`: the marks of integrations, for whoever shows them; they are no secret and need no key. */
import type { FastifyPluginAsync } from 'fastify'

export interface LogoOptions {
  /** By the name of the icon; undefined for what is none of the catalog's. */
  readonly readLogo: (icon: string) => { readonly svg: string; readonly etag: string } | undefined
}

/** An icon keeps its address when the icon set draws it anew, so it is asked for again after a day, by its tag. */
const headers: Readonly<Record<string, string>> = {
  'content-type': 'image/svg+xml; charset=utf-8',
  'cache-control': 'public, max-age=86400',
  // Opened as a page, a drawing could run scripts and load what it likes: this one may do nothing.
  'content-security-policy': "default-src 'none'",
  'x-content-type-options': 'nosniff',
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
}

export function createLogoRoutes({ readLogo }: LogoOptions): FastifyPluginAsync {
  return async function logoRoutes(fastify) {
    // Not a parameter, whose length the framework limits in its own words.
    fastify.get<{ Params: { '*': string } }>('/logos/*', async ({ params, headers: asked }, reply) => {
      const [, icon] = /^([a-z0-9]{1,63})\.svg$/.exec(params['*']) ?? []
      const logo = icon === undefined ? undefined : readLogo(icon)
      if (logo === undefined) return reply.callNotFound()
      reply.headers(headers).header('etag', logo.etag)
      return isFresh(asked['if-none-match'], logo.etag) ? reply.code(304).send() : reply.send(logo.svg)
    })
  }
}

/** RFC 9110 §13.1.2. */
function isFresh(tags: string | undefined, etag: string): boolean {
  const known = (tags ?? '').split(',').map(tag => tag.trim().replace(/^W\//, ''))
  return known.includes(etag) || known.includes('*')
}
