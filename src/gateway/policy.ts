/** Whether the rules let a request go: those of the caller, of its connection and of its integration together. */
import type { Caller } from '../access/caller.ts'
import { judgeRules, type Rule, type RuleSet, readingsOf } from '../access/rules.ts'
import type { Integration } from '../connections/integrations.ts'
import type { GatewayError } from '../errors.ts'
import { formType } from '../passthrough/body.ts'
import type { RequestPlan } from '../passthrough/request.ts'
import type { ConnectionRow } from '../store/connections.ts'

/** Where a request goes; a redirect's hop has no plan of its own. */
export interface PolicyHop {
  readonly method: string
  readonly origin: string
  /** Path and query as they go on the wire. */
  readonly path: string
}

export interface PolicyParts {
  readonly caller: Caller
  readonly connection: ConnectionRow
  readonly integration: Integration
}

/** Judges the request and each hop of its redirects; undefined when there is no rule at all. */
export function createPolicy(
  { caller, connection, integration }: PolicyParts,
  plan: RequestPlan,
): ((hop: PolicyHop) => GatewayError | undefined) | undefined {
  const sets: RuleSet[] = [...caller.ruleSets]
  if (connection.rules.length > 0) sets.push({ owner: 'the connection', rules: connection.rules as readonly Rule[] })
  if (integration.rules.length > 0)
    sets.push({ owner: `the integration ${integration.slug}`, rules: integration.rules })
  if (sets.length === 0) return undefined
  const overrides = overridesIn(plan)
  return hop => {
    const [path = '', query = ''] = split(hop.path)
    const below = pathBelow(plan.connection.baseUrl, hop.origin, path)
    return judgeRules(sets, {
      integration: connection.integration,
      connectionId: connection.id,
      endUserId: connection.endUserId,
      methods: [...new Set([hop.method, ...overrides, ...overridesOf(new URLSearchParams(query))])],
      paths: below === undefined ? [] : readingsOf(below),
      wholePaths: readingsOf(path),
    })
  }
}

/** Headers that some frameworks read another method from. */
const overrideHeaders: ReadonlySet<string> = new Set(['x-http-method-override', 'x-http-method', 'x-method-override'])

/** Rails, Laravel and others read `_method` of a form or a query. */
function overridesIn({ headers, body }: RequestPlan): string[] {
  const named = headers.flatMap(([name, value]) => (overrideHeaders.has(name.toLowerCase()) ? [value] : []))
  const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1]
  const isForm = Buffer.isBuffer(body) && type?.toLowerCase().startsWith(formType) === true
  const inForm = isForm ? overridesOf(new URLSearchParams(body.toString())) : []
  return [...named.map(value => value.trim().toUpperCase()), ...inForm]
}

function overridesOf(params: URLSearchParams): string[] {
  return params.getAll('_method').map(value => value.trim().toUpperCase())
}

/** The path without the base URL's own; undefined for one that is not below it. */
function pathBelow(base: URL, origin: string, path: string): string | undefined {
  const prefix = base.pathname.replace(/\/+$/, '')
  if (origin !== base.origin || !(path === prefix || path.startsWith(`${prefix}/`))) return undefined
  return path.slice(prefix.length) || '/'
}

function split(target: string): [string, string] {
  const mark = target.indexOf('?')
  return mark === -1 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}
