import { boto3Script } from './boto3-script.ts'

// The script checks with Python's cryptography package what the server answers.
boto3Script('key_types.py', {
  specs: "every key spec of boto3's own model makes a key for each of its usages, or is refused by name",
  signatures: 'signatures of every algorithm verify in Python, and those made in Python verify here',
  digests: 'a digest that was computed in Python is signed as it is, and the file that it is of verifies',
  macs: "MACs are those of Python's own HMAC, and verify-mac takes nothing else",
  encryption: 'what Python encrypts under the public key is decrypted here, and the other way round',
  data_key_pairs: 'data key pairs load in Python, sign there, and their private keys are opened by Decrypt',
  errors: 'errors are the exception types that programs catch, with the texts that they show',
  answers_fit_the_model: "every answer has members, enums and blobs of boto3's own model",
  grants: 'a grant for signing lets a role sign, and nothing else',
})
