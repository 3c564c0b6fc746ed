/** An action: one request with a flat input, described by an entry of the catalog or by an imported document. */
import type { Method } from '../passthrough/request.ts'
import type { Place, Style } from './styles.ts'

/** JSON Schema 2020-12 of an object; what it refers to is in its own `$defs`. */
export type JsonSchema = Readonly<Record<string, unknown>>

export type ActionInput = Readonly<Record<string, unknown>>

/** Where one value of the input goes, or a value that is always sent. */
export interface ActionParameter {
  readonly in: Place
  /** On the wire. */
  readonly name: string
  /** The field of the input; absent for what is always sent. */
  readonly field?: string | undefined
  /** What is always sent; absent for a field. */
  readonly value?: unknown
  /** Absent for a query parameter that is written as the integration writes its own. */
  readonly style?: Style | undefined
  readonly explode?: boolean | undefined
  /** True when reserved characters without a meaning in a query stay as they are. */
  readonly allowReserved?: boolean | undefined
  /** True for a value that is written as JSON. */
  readonly isJson?: boolean | undefined
}

/** How one property of a form is written. */
export interface PropertyEncoding {
  readonly style?: Style | undefined
  readonly explode?: boolean | undefined
  /** True for a file of a multipart form. */
  readonly isFile?: boolean | undefined
  /** Of its part of a multipart form; what its value is decides when absent. */
  readonly contentType?: string | undefined
}

export interface ActionBody {
  readonly contentType: string
  /**
   * JSON in which the text `{name}` stands for a field of the input and `{*}` for an object of all fields that have no
   * other place. What stands for an absent field is left out.
   */
  readonly template: unknown
  /** True when it is sent although no field of it is given. */
  readonly required: boolean
  /** By the name of the property; only for forms. */
  readonly encoding?: Readonly<Record<string, PropertyEncoding>> | undefined
}

/** What in an answer of any status says that the action failed. */
export interface FailureSign {
  /** A singular JSONPath. */
  readonly path: string
  readonly equals: string | number | boolean | null
}

/** Schema and mapping: all that a list of actions has no need of. */
export interface ActionDefinition {
  readonly input: JsonSchema
  readonly parameters: readonly ActionParameter[]
  readonly body?: ActionBody | undefined
  readonly failure?: FailureSign | undefined
  /** An input that the schema takes; absent when nobody gave one and none could be made up. */
  readonly example?: ActionInput | undefined
}

export interface Action {
  /** The integration's slug. */
  readonly integration: string
  readonly name: string
  readonly description: string
  readonly method: Method
  /** Below the base URL, or an absolute URL on a pinned host; `{name}` is a path parameter's name on the wire. */
  readonly path: string
  readonly deprecated: boolean
  /** The imported document it comes from; null for one of the integration's entry. */
  readonly document: string | null
  /** Read when it is asked for, together with those of the same list. */
  readonly definition: () => Promise<ActionDefinition>
}
