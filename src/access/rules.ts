/** Rules: what may be called with what, by whom. Deny wins; where something is allowed, nothing else is. */
import { type ErrorDetail, GatewayError, invalidFields } from '../errors.ts'
import { canonical, type PathPattern, parsePathPattern, pathPatternTakes } from './path-pattern.ts'

/** A field that is absent stands for any. */
export interface Rule {
  readonly effect: 'ALLOW' | 'DENY'
  /** What a refusal calls it. */
  readonly name?: string | undefined
  /** Slugs. */
  readonly integrations?: readonly string[] | undefined
  readonly connections?: readonly string[] | undefined
  readonly endUsers?: readonly string[] | undefined
  /** In upper case. */
  readonly methods?: readonly string[] | undefined
  /** Patterns for the path below the base URL. */
  readonly paths?: readonly string[] | undefined
}

/** The rules of one key, session, connection or integration. All sets have to agree. */
export interface RuleSet {
  /** Whose they are, as the start of a sentence: `the access key "partner"`. */
  readonly owner: string
  readonly rules: readonly Rule[]
}

/** One request, as the rules see it. */
export interface RuleTarget {
  readonly integration: string
  readonly connectionId: string
  readonly endUserId: string
  /** The method, and those that headers or parameters ask the vendor to read it as. */
  readonly methods: readonly string[]
  /** Every way in which a vendor may read the path below the base URL; empty for a request that goes elsewhere. */
  readonly paths: readonly string[]
  /** The same for the whole path, wherever it goes. */
  readonly wholePaths: readonly string[]
}

const bounds = { rules: 50, items: 100, name: 80 } as const

/** @throws {GatewayError} INVALID_INPUT with one detail per wrong field, such as `rules.0.paths.1` */
export function checkRules(field: string, rules: readonly Rule[] | null | undefined): Rule[] {
  const given = rules ?? []
  const details: ErrorDetail[] = []
  const report = (at: string, takes: string, got: unknown) =>
    details.push({ field: at, message: `${at} takes ${takes}; got ${JSON.stringify(got)}.` })
  if (given.length > bounds.rules) report(field, `at most ${bounds.rules} rules`, given.length)
  const checked = given.slice(0, bounds.rules).map((rule, index) => checkRule(`${field}.${index}`, rule, report))
  if (details.length > 0) throw invalidFields(details)
  return checked
}

/**
 * Why the request may not be sent; undefined when it may. Judged before the vault is opened.
 * @returns {GatewayError} POLICY_DENIED that names the rule
 */
export function judgeRules(sets: readonly RuleSet[], target: RuleTarget): GatewayError | undefined {
  for (const { owner, rules } of sets) {
    if (rules.length === 0) continue
    const compiled = compileAll(rules)
    const denying = compiled.find(rule => rule.effect === 'DENY' && denies(rule, target))
    if (denying !== undefined) return denied(`The rule ${describe(denying)} of ${owner} denies this request.`)
    const allowing = compiled.filter(rule => rule.effect === 'ALLOW')
    if (allowing.length === 0 || allowing.some(rule => allows(rule, target))) continue
    return denied(
      `No rule of ${owner} allows this request; it allows ${allowing.slice(0, 5).map(describe).join(', ')}.`,
    )
  }
  return undefined
}

/**
 * Every way in which a vendor may read a path: as it is written, decoded once and as often as it goes, with doubled
 * slashes, parameters of segments and backslashes as some servers treat them.
 */
export function readingsOf(path: string): string[] {
  const readings = new Set<string>([canonical(path)])
  let decoded = path
  for (let round = 0; round < 5; round += 1) {
    const next = decode(decoded)
    if (next === decoded) break
    decoded = next
    readings.add(canonical(decoded))
  }
  const simple = simplify(decoded)
  readings.add(canonical(simple))
  readings.add(canonical(simplify(simple.replace(/;[^/]*/g, ''))))
  return [...readings]
}

interface CompiledRule extends Rule {
  readonly patterns: readonly PathPattern[] | undefined
}

const compiled = new WeakMap<readonly Rule[], CompiledRule[]>()

function compileAll(rules: readonly Rule[]): CompiledRule[] {
  let found = compiled.get(rules)
  if (found === undefined) {
    found = rules.map(rule => ({ ...rule, patterns: rule.paths?.map(path => compile(path, rule.effect)) }))
    compiled.set(rules, found)
  }
  return found
}

/** What denies is read without regard to case, because some vendors do so. */
function compile(path: string, effect: Rule['effect']): PathPattern {
  const pattern = parsePathPattern(path, { ignoreCase: effect === 'DENY' })
  // One that is no pattern any more denies everything and allows nothing.
  return pattern ?? { source: path, matches: () => effect === 'DENY' }
}

function allows(rule: CompiledRule, target: RuleTarget): boolean {
  return (
    concerns(rule, target) &&
    (rule.methods === undefined || target.methods.every(method => rule.methods?.includes(method))) &&
    (rule.patterns === undefined ||
      (target.paths.length > 0 &&
        rule.patterns.some(pattern => target.paths.every(reading => pattern.matches(reading)))))
  )
}

function denies(rule: CompiledRule, target: RuleTarget): boolean {
  const readings = [...target.paths, ...target.wholePaths]
  return (
    concerns(rule, target) &&
    (rule.methods === undefined || target.methods.some(method => rule.methods?.includes(method))) &&
    (rule.patterns === undefined || rule.patterns.some(pattern => readings.some(reading => pattern.matches(reading))))
  )
}

function concerns({ integrations, connections, endUsers }: Rule, target: RuleTarget): boolean {
  return (
    (integrations === undefined || integrations.includes(target.integration)) &&
    (connections === undefined || connections.includes(target.connectionId)) &&
    (endUsers === undefined || endUsers.includes(target.endUserId))
  )
}

function describe({ name, methods, paths, integrations, connections, endUsers }: Rule): string {
  if (name !== undefined) return JSON.stringify(name)
  const request = `${methods?.join('|') ?? 'any method'} ${paths?.join(' or ') ?? 'any path'}`
  const where = [
    integrations && `at ${integrations.join(', ')}`,
    connections && `of ${connections.join(', ')}`,
    endUsers && `for ${endUsers.join(', ')}`,
  ].filter(part => part !== undefined)
  return `"${[request, ...where].join(' ')}"`
}

function denied(message: string): GatewayError {
  return new GatewayError('POLICY_DENIED', message)
}

type ReportField = (at: string, takes: string, got: unknown) => void

function checkRule(field: string, rule: Rule, report: ReportField): Rule {
  const { effect, name, integrations, connections, endUsers, methods, paths } = rule
  if (effect !== 'ALLOW' && effect !== 'DENY') report(`${field}.effect`, 'ALLOW or DENY', effect)
  if (name != null && (name.trim() === '' || name.length > bounds.name || /\p{Cc}/u.test(name))) {
    report(`${field}.name`, `1 to ${bounds.name} characters without control characters`, name)
  }
  const upper = methods?.map(method => method.toUpperCase())
  const lists = { integrations, connections, endUsers, methods: upper, paths }
  const kept: { -readonly [Key in keyof Rule]?: Rule[Key] } = {}
  for (const [key, list] of Object.entries(lists) as [keyof typeof lists, readonly string[] | null | undefined][]) {
    if (list == null) continue
    if (list.length === 0 || list.length > bounds.items) {
      report(`${field}.${key}`, `1 to ${bounds.items} items, or nothing at all for any`, list.length)
    }
    for (const [index, item] of list.entries()) checkItem(`${field}.${key}.${index}`, key, item, report)
    kept[key] = [...list]
  }
  return { effect, ...(name == null ? {} : { name: name.trim() }), ...kept }
}

function checkItem(at: string, key: string, item: string, report: ReportField): void {
  if (key === 'paths' && parsePathPattern(item, { ignoreCase: false }) === undefined) report(at, pathPatternTakes, item)
  else if (key === 'methods' && !/^[A-Z]{1,20}$/.test(item)) report(at, 'a method such as GET', item)
  else if (item === '' || item.length > 500) report(at, '1 to 500 characters', item)
}

function decode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, code => {
    try {
      return decodeURIComponent(code)
    } catch {
      return code
    }
  })
}

function simplify(path: string): string {
  return path
    .replaceAll('\\', '/')
    .replace(/\p{Cc}/gu, '')
    .replace(/\/{2,}/g, '/')
}
