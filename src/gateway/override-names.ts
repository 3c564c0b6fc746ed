/** The names under which a request can ask a vendor for another method or another path than its own. */

/**
 * Headers that frameworks read the method from; the first three are those of Google's APIs, Rack, Symfony, WordPress and
 * Yii, of Microsoft's OData, and of IBM (https://www.rfc-editor.org/rfc/rfc5789 had no client yet when they came up); the
 * others are what proxies and middlewares are set to.
 */
const methodHeaders: ReadonlySet<string> = new Set([
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'http-method-override',
  'method-override',
  'x-method',
  'x-http-verb',
  'x-http-verb-override',
  'x-original-method',
  'x-forwarded-method',
])

/**
 * Headers that servers and frameworks read the path from, or a part of it: of IIS, Symfony and Zend
 * (https://symfony.com/blog/cve-2018-14773-remove-support-for-legacy-and-risky-http-headers), of Spring
 * (https://docs.spring.io/spring-framework/reference/web/webmvc/filters.html#filters-forwarded-headers), Traefik, Envoy and
 * nginx; and the second path of COPY and MOVE (https://www.rfc-editor.org/rfc/rfc4918#section-10.3).
 */
const pathHeaders: ReadonlySet<string> = new Set([
  'x-original-url',
  'x-original-uri',
  'x-original-path',
  'x-rewrite-url',
  'x-rewrite-uri',
  'x-rewrite-path',
  'x-override-url',
  'x-override-uri',
  'x-override-path',
  'x-forwarded-url',
  'x-forwarded-uri',
  'x-forwarded-path',
  'x-forwarded-prefix',
  'x-envoy-original-path',
  'x-envoy-original-url',
  'x-request-url',
  'x-request-uri',
  'x-real-url',
  'x-real-uri',
  'x-script-name',
  'x-path-info',
  'x-accel-redirect',
  'destination',
])

/** Parameters that frameworks read the method from, wherever they take parameters; folded. */
const methodParameters: ReadonlySet<string> = new Set([
  '_method',
  '$method',
  '_httpmethod',
  '$httpmethod',
  '_http_method',
  '_method_override',
  'http_method_override',
  'method_override',
  'x_http_method_override',
  'x_http_method',
  'x_method_override',
])

export function isMethodHeader(name: string): boolean {
  return methodHeaders.has(foldHeader(name))
}

export function isPathHeader(name: string): boolean {
  return pathHeaders.has(foldHeader(name))
}

/** @param declared those of the integration's definition */
export function methodParameterNames(declared: readonly string[] | undefined): ReadonlySet<string> {
  return declared === undefined ? methodParameters : new Set([...methodParameters, ...declared.map(foldParameter)])
}

/** As PHP reads a name: cut at a zero byte and at brackets, with blanks, dots and a stray bracket as underscores. */
export function foldParameter(name: string): string {
  if (/^[a-z0-9_]*$/.test(name)) return name
  return name
    .replace(/\0.*$/s, '')
    .trim()
    .toLowerCase()
    .replace(/^\[/, '_')
    .replace(/\[.*$/s, '')
    .replace(/[-. ]/g, '_')
}

/** CGI makes one name of both (https://www.rfc-editor.org/rfc/rfc3875#section-4.1.18). */
function foldHeader(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}
