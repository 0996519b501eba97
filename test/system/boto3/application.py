# An application as study notes on AWS KMS show it, unchanged: it knows nothing of Keywright.
import boto3
import base64
from botocore.exceptions import ClientError

class KMSEncryption:
    def __init__(self, key_id, region='us-east-1'):
        self.kms_client = boto3.client('kms', region_name=region)
        self.key_id = key_id

    def encrypt_data(self, plaintext, encryption_context=None):
        """
        Encrypt data using KMS
        """
        try:
            response = self.kms_client.encrypt(
                KeyId=self.key_id,
                Plaintext=plaintext,
                EncryptionContext=encryption_context or {}
            )
            return base64.b64encode(response['CiphertextBlob']).decode('utf-8')
        except ClientError as e:
            print(f"Encryption failed: {e}")
            raise

    def decrypt_data(self, ciphertext, encryption_context=None):
        """
        Decrypt data using KMS
        """
        try:
            ciphertext_blob = base64.b64decode(ciphertext.encode('utf-8'))
            response = self.kms_client.decrypt(
                CiphertextBlob=ciphertext_blob,
                EncryptionContext=encryption_context or {}
            )
            return response['Plaintext'].decode('utf-8')
        except ClientError as e:
            print(f"Decryption failed: {e}")
            raise

    def generate_data_key(self, key_spec='AES_256', encryption_context=None):
        """
        Generate data key for envelope encryption
        """
        try:
            response = self.kms_client.generate_data_key(
                KeyId=self.key_id,
                KeySpec=key_spec,
                EncryptionContext=encryption_context or {}
            )
            return {
                'plaintext': response['Plaintext'],
                'ciphertext': base64.b64encode(response['CiphertextBlob']).decode('utf-8')
            }
        except ClientError as e:
            print(f"Data key generation failed: {e}")
            raise

# Usage example
kms = KMSEncryption('alias/app-encryption-key')

# Direct encryption
encrypted = kms.encrypt_data(
    "Sensitive data",
    encryption_context={'purpose': 'demo', 'application': 'myapp'}
)

# Direct decryption
decrypted = kms.decrypt_data(
    encrypted,
    encryption_context={'purpose': 'demo', 'application': 'myapp'}
)

# Envelope encryption
data_key = kms.generate_data_key(
    encryption_context={'purpose': 'envelope', 'application': 'myapp'}
)

# Use data key for local encryption
from cryptography.fernet import Fernet
import hashlib

# Create Fernet key from KMS data key
digest = hashlib.sha256(data_key['plaintext']).digest()
fernet_key = base64.urlsafe_b64encode(digest[:32])
fernet = Fernet(fernet_key)

# Encrypt large data locally
large_data = "This is a large amount of data" * 1000
encrypted_data = fernet.encrypt(large_data.encode())

# Store encrypted data key with encrypted data
stored_data = {
    'encrypted_data_key': data_key['ciphertext'],
    'encrypted_data': base64.b64encode(encrypted_data).decode('utf-8')
}
