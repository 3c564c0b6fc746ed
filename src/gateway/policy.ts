/** Whether a request may go: by its caller's scopes and by the rules of the caller, of its connection and of its integration together. */
import { type Caller, hasScope, requireScope } from '../access/caller.ts'
import { hasMethodRules, judgeRules, type Rule, type RuleSet } from '../access/rules.ts'
import type { Integration } from '../connections/integrations.ts'
import { invalidInput } from '../errors.ts'
import { isSafeMethod, type RequestPlan } from '../passthrough/request.ts'
import type { ConnectionRow } from '../store/connections.ts'
import { type MethodOverride, overridesOf, queryOverrides } from './override-methods.ts'
import { isPathHeader, methodParameterNames } from './override-names.ts'
import { takeInBody } from './policy-body.ts'

export interface PolicyParts {
  readonly caller: Caller
  readonly connection: ConnectionRow
  readonly integration: Integration
  /** True where nothing but a safe method may be sent, whatever the caller may. */
  readonly isRead: boolean
}

/**
 * The plan with its judgement: why it may not be sent is its `url.refusal`, and each hop of its redirects is judged. Nothing
 * is looked at that no rule and no scope asks about.
 * @throws {GatewayError} FORBIDDEN, INVALID_INPUT, POLICY_DENIED
 */
export async function applyPolicy(parts: PolicyParts, given: RequestPlan): Promise<RequestPlan> {
  const { caller, connection, integration, isRead } = parts
  const sets = ruleSetsOf(parts)
  const subject = {
    integration: connection.integration,
    connectionId: connection.id,
    endUserId: connection.endUserId,
  }
  const countsMethods = isRead || !hasScope(caller, 'passthrough:write') || hasMethodRules(sets, subject)
  if (sets.length === 0 && !countsMethods) return given
  const plan = countsMethods && given.url.refusal === undefined ? await takeInBody(given) : given
  const readOverrides = countsMethods ? overrideReader(plan, integration) : () => []
  const { origin, path } = plan.url
  const overrides = readOverrides(path)
  if (overrides.some(({ method }) => !isSafeMethod(method))) requireScope(caller, 'passthrough:write')
  const judgeHop = sets.length === 0 ? undefined : createJudge(sets, subject, plan, readOverrides)
  const refusal = plan.url.refusal ?? judgeHop?.({ method: plan.method, origin, path })
  if (isRead && refusal === undefined) requireSafe(overrides)
  return { ...plan, judgeHop, url: { ...plan.url, refusal } }
}

function ruleSetsOf({ caller, connection, integration }: PolicyParts): RuleSet[] {
  const sets: RuleSet[] = [...caller.ruleSets]
  if (connection.rules.length > 0) sets.push({ owner: 'the connection', rules: connection.rules as readonly Rule[] })
  if (integration.rules.length > 0)
    sets.push({ owner: `the integration ${integration.slug}`, rules: integration.rules })
  return sets
}

/** Of one request by its target; what headers and body ask for stays the same along its redirects. */
function overrideReader(plan: RequestPlan, { definition }: Integration): (target: string) => MethodOverride[] {
  const names = methodParameterNames(definition.methodParameters)
  const lasting = overridesOf(plan, names)
  return target => [...lasting, ...queryOverrides(split(target)[1], names)]
}

function createJudge(
  sets: readonly RuleSet[],
  subject: { integration: string; connectionId: string; endUserId: string },
  { connection: { baseUrl }, headers }: RequestPlan,
  readOverrides: (target: string) => MethodOverride[],
): NonNullable<RequestPlan['judgeHop']> {
  const pathHeader = headers.find(([name]) => isPathHeader(name))?.[0]
  const basePath = baseUrl.pathname.replace(/\/+$/, '')
  return hop =>
    judgeRules(sets, {
      ...subject,
      methods: [...new Set([hop.method, ...readOverrides(hop.path).map(({ method }) => method)])],
      path: split(hop.path)[0],
      basePath: hop.origin === baseUrl.origin ? basePath : undefined,
      pathHeader,
    })
}

/** @throws {GatewayError} INVALID_INPUT */
function requireSafe(overrides: readonly MethodOverride[]): void {
  const unsafe = overrides.find(({ method }) => !isSafeMethod(method))
  if (unsafe === undefined) return
  const { method, by } = unsafe
  const field = by.replace(/^the header /, 'headers.')
  const message = `A read takes the methods GET, HEAD and OPTIONS; ${by} asks for ${method}. Use \`mutation { passthrough }\` for it.`
  throw invalidInput(field, message)
}

function split(target: string): [path: string, query: string] {
  const mark = target.indexOf('?')
  return mark === -1 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}
