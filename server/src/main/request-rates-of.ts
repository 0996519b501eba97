import { ConfigError, isLoopback, nearest, type Config } from '../config.ts'
import { quotaClasses } from '../services/kms/request-quotas.ts'
import { requestRates, UnknownQuotaClassError, type RatesOf } from '../services/kms/request-rates.ts'

/** Undefined when requests are not limited. @throws ConfigError for a class of requests that there is not */
export function requestRatesOf(config: Config): RatesOf | undefined {
  const { requestQuotas, devAuth, servicesListen, privateEndpoints } = config
  const hosts = [config, servicesListen, ...privateEndpoints.map(({ listen }) => listen)]
  const isDevelopment = devAuth || hosts.every((each) => each === undefined || isLoopback(each.host))
  if (requestQuotas === 'off' || (requestQuotas === 'auto' && isDevelopment)) return undefined
  try {
    return requestRates(requestQuotas === 'auto' ? { aws: true, own: [] } : requestQuotas)
  } catch (cause) {
    if (!(cause instanceof UnknownQuotaClassError)) throw cause
    const { quotaClass } = cause
    throw new ConfigError(
      `requestQuotas: there is no class ${quotaClass} of requests: did you mean ${nearest(quotaClass, quotaClasses)}?`,
      { cause },
    )
  }
}
