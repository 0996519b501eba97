# Envelope encryption as study notes on AWS KMS show it, unchanged: it knows nothing of Keywright.
import boto3
import base64

kms_client = boto3.client('kms')
key_id = 'alias/my-app-key'
plaintext = b"This is my secret data."

# 1. Ask KMS to generate a data key
response = kms_client.generate_data_key(
    KeyId=key_id,
    KeySpec='AES_256'
)

data_key_plaintext = response['Plaintext']
data_key_encrypted = response['CiphertextBlob']

# 2. Use the plaintext data key to encrypt data locally
# (In a real app, you'd use a proper crypto library like PyCryptodome)
# This is a simplified example.
from cryptography.fernet import Fernet
f = Fernet(base64.urlsafe_b64encode(data_key_plaintext))
encrypted_data = f.encrypt(plaintext)

# 3. Store the ENCRYPTED data and the ENCRYPTED data key together.
# Discard the plaintext data key immediately.

# --- To Decrypt ---

# 1. Ask KMS to decrypt the encrypted data key
decrypted_key_response = kms_client.decrypt(
    CiphertextBlob=data_key_encrypted
)
decrypted_data_key = decrypted_key_response['Plaintext']

# 2. Use the now-decrypted data key to decrypt the data locally
f_decrypt = Fernet(base64.urlsafe_b64encode(decrypted_data_key))
decrypted_data = f_decrypt.decrypt(encrypted_data)

assert plaintext == decrypted_data
