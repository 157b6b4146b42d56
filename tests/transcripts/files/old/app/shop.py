print('shop, older')
