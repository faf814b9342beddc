"""A local Azure: the Resource Manager, written once for all resource types, and the endpoints that hand out tokens.

Which types there are, and in what they differ, is the table in `localcloud.azure.table`. Sources: Azure's REST
reference and its "Resource Provider Contract" (github.com/Azure/azure-resource-manager-rpc), and recorded exchanges.
"""
