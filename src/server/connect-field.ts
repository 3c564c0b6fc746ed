/** One field of a connect form: its label, its hint, what is wrong with it, its control. */
import type { ConnectField } from '../connections/connect-view.ts'
import type { ErrorDetail } from '../errors.ts'
import { html, type Markup } from './connect-markup.ts'

/** What was wrong with a form that was sent. */
export interface FormRefusal {
  readonly details: readonly ErrorDetail[] | undefined
  /** Shown when no detail is. */
  readonly message: string
}

export interface FormState {
  readonly csrf: string
  readonly refusal?: FormRefusal | undefined
  /** As they were sent, by the field's name; a secret is never shown again. */
  readonly values?: Readonly<Record<string, string>> | undefined
}

export function renderField(field: ConnectField, index: number, { refusal, values }: FormState): Markup {
  const id = `field-${index}`
  const { title, description, example, isOptional } = field
  const wrong = refusal?.details?.find(detail => detail.field === field.name)?.message
  const hasHint = description !== undefined || example !== undefined
  const describedBy = [hasHint && `${id}-hint`, wrong !== undefined && `${id}-wrong`].filter(Boolean).join(' ')
  const value = field.isSecret ? '' : values === undefined ? (field.value ?? '') : (values[field.name] ?? '')
  const attributes = html`id="${id}" name="${field.name}"${describedBy !== '' && html` aria-describedby="${describedBy}"`}${
    wrong !== undefined && html` aria-invalid="true"`
  }${!isOptional && html` required`} autocapitalize="none" autocorrect="off" spellcheck="false"`
  return html`<div class="field">
<label for="${id}">${title}${isOptional && html` <span class="quiet">(optional)</span>`}</label>
${hasHint && html`<p class="hint" id="${id}-hint">${description}${example !== undefined && html` Example: <code>${example}</code>`}</p>`}
${wrong !== undefined && html`<p class="wrong" id="${id}-wrong">Error: ${wrong}</p>`}
${renderControl(field, attributes, value)}
</div>
`
}

function renderControl({ isSecret, isMultiline }: ConnectField, attributes: Markup, value: string): Markup {
  // A browser drops one line break at the start of a text area.
  if (isMultiline) return html`<textarea ${attributes} autocomplete="off" rows="6">\n${value}</textarea>`
  // Browsers that overlook `off` on a password keep what is said to be new to themselves.
  if (isSecret) return html`<input type="password" ${attributes} autocomplete="new-password">`
  return html`<input type="text" ${attributes} autocomplete="off" value="${value}">`
}
