/**
 * AWS's commercial Regions and the year in which each opened, as of November 2026: the `aws` partition of the AWS
 * SDK for JavaScript 3.1162.0, in order of age, so that us-east-1 is first.
 */
const openedIn = {
  'us-east-1': 2006,
  'eu-west-1': 2007,
  'us-west-1': 2009,
  'ap-southeast-1': 2010,
  'ap-northeast-1': 2011,
  'us-west-2': 2011,
  'sa-east-1': 2011,
  'ap-southeast-2': 2012,
  'eu-central-1': 2014,
  'ap-northeast-2': 2016,
  'ap-south-1': 2016,
  'us-east-2': 2016,
  'ca-central-1': 2016,
  'eu-west-2': 2016,
  'eu-west-3': 2017,
  'ap-northeast-3': 2018,
  'eu-north-1': 2018,
  'ap-east-1': 2019,
  'me-south-1': 2019,
  'af-south-1': 2020,
  'eu-south-1': 2020,
  'ap-southeast-3': 2021,
  'me-central-1': 2022,
  'eu-central-2': 2022,
  'eu-south-2': 2022,
  'ap-south-2': 2022,
  'ap-southeast-4': 2023,
  'il-central-1': 2023,
  'ca-west-1': 2023,
  'ap-southeast-5': 2024,
  'mx-central-1': 2025,
  'ap-southeast-7': 2025,
  'ap-east-2': 2025,
  'ap-southeast-6': 2025,
  'me-west-1': 2026,
  'sa-west-1': 2026,
} as const satisfies Record<string, number>

export const commercialRegions: readonly string[] = Object.keys(openedIn)

/** What the name of any partition's Region looks like, of one that does not exist yet, too. */
export const regionName = /^[a-z]{2,8}(-[a-z]{2,16}){1,3}-\d{1,2}$/
