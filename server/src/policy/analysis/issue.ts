export type FindingType = 'ERROR' | 'SECURITY_WARNING' | 'WARNING' | 'SUGGESTION'

/** What can be said about a policy; `<…>` in its text stands for a value. */
interface Issue<Text extends string> {
  readonly type: FindingType
  readonly text: Text
}

export const error = <const Text extends string>(text: Text): Issue<Text> => ({ type: 'ERROR', text })
export const security = <const Text extends string>(text: Text): Issue<Text> => ({
  type: 'SECURITY_WARNING',
  text,
})
export const warning = <const Text extends string>(text: Text): Issue<Text> => ({ type: 'WARNING', text })
export const suggestion = <const Text extends string>(text: Text): Issue<Text> => ({
  type: 'SUGGESTION',
  text,
})
